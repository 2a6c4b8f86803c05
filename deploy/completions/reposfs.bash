# bash completion for reposfs(1)

_reposfs_keys() {
    reposfs list --json 2>/dev/null | sed -n 's/^ *"key": "\([^"]*\)",\{0,1\}$/\1/p'
}

_reposfs() {
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local commands="mount unmount status list show top insights warm refresh pin unpin evict jobs locks worker ring config doctor"
    local command="" i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --config | --cache | -o | --stage | --sql | --job | --kind | --state | --repo | --retry | --cancel) ((i++)) ;;
        -*) ;;
        *)
            command=${COMP_WORDS[i]}
            break
            ;;
        esac
    done

    case $previous in
    --config) mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return ;;
    --cache) mapfile -t COMPREPLY < <(compgen -d -- "$cur") && return ;;
    --stage) mapfile -t COMPREPLY < <(compgen -W "tip content complete" -- "$cur") && return ;;
    --job | --kind)
        mapfile -t COMPREPLY < <(compgen -W "clone hydrate history fetch maintain insights evict" -- "$cur")
        return
        ;;
    --state) mapfile -t COMPREPLY < <(compgen -W "queued running failed" -- "$cur") && return ;;
    -o)
        mapfile -t COMPREPLY < <(compgen -W "allow_other uid= gid= config= cache= noexec" -- "$cur")
        return
        ;;
    esac

    local options="--config --cache --json --help" words=""
    case $command in
    "") words="$commands" options="$options --version" ;;
    mount) options="$options --foreground -o" ;;
    unmount) options="$options --lazy" ;;
    warm) options="$options --stage --wait --no-wait" ;;
    doctor) options="$options --network" ;;
    worker) options="$options --job" ;;
    jobs) options="$options --kind --state --repo --retry --cancel" ;;
    insights) options="$options --all --sql --html --csv" ;;
    config) words="check show" ;;
    ring) words="nodes locate" ;;
    esac

    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
        return
    fi
    case $command in
    mount) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    unmount)
        words=$(awk '$3 == "fuse.reposfs" { print $2 }' /proc/self/mounts)
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
        ;;
    show | insights | warm | refresh | pin | unpin | evict)
        # What a host named itself is never evaluated: compgen -W would expand it.
        mapfile -t COMPREPLY < <(_reposfs_keys | grep -F -e "$cur" | grep "^[A-Za-z0-9._/~+-]*$")
        [[ ${#COMPREPLY[@]} -gt 0 ]] || mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur") ;;
    esac
}

complete -F _reposfs reposfs
