// The style sheet of the insights page.
//
// Colours: the first categorical and the diverging ones keep a contrast of 3:1 and more on their
// background in both themes, words 4.5:1 and more.
#pragma once

namespace reposfs {

inline constexpr char kInsightsStyle[] = R"css(
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --edge: #e2e5ea; --ink: #1b1f27; --dim: #5a6372; --track: #eceff3;
  --c0: #2f6fdb; --c1: #0f8a76; --c2: #b8620b; --c3: #8a4fd0; --c4: #c23a64; --c5: #4d7d1f;
  --c6: #1f7fa8; --c7: #7b8494; --up: #1a8a4f; --down: #c8433a; }
@media (prefers-color-scheme: dark) { :root {
  --page: #0f1217; --card: #181c23; --edge: #2a303a; --ink: #e8ebf0; --dim: #9aa4b3; --track: #262c36;
  --c0: #6ea2ff; --c1: #3cc0a6; --c2: #e8964a; --c3: #b78bf2; --c4: #ee7a9b; --c5: #92c25a;
  --c6: #5cb8de; --c7: #8d97a7; --up: #4cc383; --down: #f0776e; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 40px; }
header { margin-bottom: 22px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -.01em; overflow-wrap: anywhere; }
h1 span { color: var(--dim); font-weight: 400; }
h2 { font-size: 16px; margin: 0; }
p { margin: 0; }
.dim { color: var(--dim); }
code { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.grid2 { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; }
.wide { grid-column: 1 / -1; }
section { background: var(--card); border: 1px solid var(--edge); border-radius: 12px; padding: 18px 20px; min-width: 0; }
section > p.dim { font-size: 13px; margin-bottom: 12px; }
.tiles { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 12px; margin: 0 0 16px; padding: 0; }
.tiles div { background: var(--card); border: 1px solid var(--edge); border-radius: 12px; padding: 12px 14px; min-width: 0; }
.tiles dt { color: var(--dim); font-size: 12.5px; }
.tiles dd { margin: 0; font-size: 23px; font-weight: 650; letter-spacing: -.01em; line-height: 1.3; overflow-wrap: anywhere;
  font-variant-numeric: tabular-nums; }
.tiles .long { font-size: 17px; }
.tiles small { display: block; font-size: 12.5px; font-weight: 400; letter-spacing: 0; color: var(--dim); overflow-wrap: anywhere; }
.notice { background: var(--card); border: 1px solid var(--edge); border-left: 4px solid var(--c2); border-radius: 8px;
  padding: 12px 16px; margin-bottom: 16px; }
svg { display: block; width: 100%; }
svg.area { height: 150px; }
svg.stack { height: 14px; border-radius: 7px; overflow: hidden; }
svg.bar { height: 6px; border-radius: 3px; overflow: hidden; }
svg.hours { aspect-ratio: 24 / 7; min-height: 112px; }
.grid { stroke: var(--edge); vector-effect: non-scaling-stroke; }
.axis { stroke: var(--dim); vector-effect: non-scaling-stroke; }
.track { fill: var(--track); }
.up { fill: var(--up); } .down { fill: var(--down); }
.p0 { fill: var(--c0); } .p1 { fill: var(--c1); } .p2 { fill: var(--c2); } .p3 { fill: var(--c3); }
.p4 { fill: var(--c4); } .p5 { fill: var(--c5); } .p6 { fill: var(--c6); } .p7 { fill: var(--c7); }
.ends { display: flex; justify-content: space-between; color: var(--dim); font-size: 12.5px; margin-top: 6px;
  font-variant-numeric: tabular-nums; }
ol, ul { list-style: none; margin: 0; padding: 0; }
.rows li { padding: 5px 0; }
.rows .line { display: flex; justify-content: space-between; gap: 12px; align-items: baseline; }
.rows .name { min-width: 0; overflow-wrap: anywhere; }
.rows .value { color: var(--dim); white-space: nowrap; font-size: 13px; font-variant-numeric: tabular-nums; }
.key { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 4px 16px; margin-top: 12px; font-size: 13.5px; }
.key li { display: flex; gap: 8px; align-items: baseline; min-width: 0; }
.key svg { width: 10px; height: 10px; flex: none; }
.key b { font-weight: 500; overflow-wrap: anywhere; }
.gone { text-decoration: line-through; text-decoration-color: var(--dim); }
.plus { color: var(--up); } .minus { color: var(--down); }
.week { display: grid; grid-template-columns: 34px minmax(0, 1fr); gap: 4px 8px; font-size: 12.5px; color: var(--dim); }
.week ul { display: grid; grid-template-rows: repeat(7, 1fr); }
.week ul li { display: flex; align-items: center; line-height: 1; }
.tags { display: flex; flex-wrap: wrap; gap: 6px; }
.tags li { border: 1px solid var(--edge); border-radius: 999px; padding: 2px 10px; font-size: 13px; min-width: 0; overflow-wrap: anywhere; }
footer { color: var(--dim); font-size: 13px; margin-top: 22px; overflow-wrap: anywhere; }
@media (max-width: 820px) { .tiles { grid-template-columns: repeat(3, minmax(0, 1fr)); } .grid2 { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 460px) { main { padding: 20px 12px 28px; } section { padding: 14px; } h1 { font-size: 22px; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 8px; } .tiles dd { font-size: 20px; } svg.area { height: 110px; } }
)css";

}  // namespace reposfs
