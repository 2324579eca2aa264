# SPDX-License-Identifier: GPL-2.0
# Completion of calloutctl for bash.

# _calloutctl_words FILE: the words of a file of callout's in sysfs.
_calloutctl_words() { cat "/sys/kernel/callout/$1" 2>/dev/null; }

# _calloutctl_functions: of the pending callouts, for who may see them.
_calloutctl_functions()
{
	awk '!/^#/ { print $7 }' /sys/kernel/debug/callout/timer_list 2>/dev/null | sort -u
}

# _calloutctl_options COMMAND
_calloutctl_options()
{
	local options='--json --root -h --help'

	case $1 in
	'') options+=' --version' ;;
	list) options+=' --cpu --context --function --sort --limit' ;;
	stats) options+=' --watch --count --cpu' ;;
	arm) options+=' --after --at --every --count --window --spread --for --clock --quiet' ;;
	bench) options+=' --timers --rounds --batch --expiries' ;;
	record) options+=' --output --of --for --buffer --records' ;;
	replay) options+=' --on --what --speed --limit' ;;
	top) options+=' --interval --sort --limit --count --once' ;;
	esac
	echo "$options"
}

# _calloutctl_values COMMAND OPTION: what may follow it; fails where it takes nothing.
_calloutctl_values()
{
	case $1$2 in
	list--context) echo 'hard soft thread' ;;
	list--sort) echo 'deadline function' ;;
	list--function) _calloutctl_functions ;;
	arm--clock) echo 'monotonic boottime realtime' ;;
	record--of) echo 'kernel callouts' ;;
	replay--on) echo 'callout timerfd both' ;;
	replay--what) echo 'cost live both' ;;
	top--sort) echo 'rate time' ;;
	list--cpu | list--limit | stats--watch | stats--count | top--interval | top--limit | top--count) ;;
	arm--after | arm--at | arm--every | arm--count | arm--window | arm--spread | arm--for) ;;
	bench--timers | bench--rounds | bench--batch | bench--expiries) ;;
	record--for | record--buffer | record--records | replay--speed | replay--limit) ;;
	*) return 1 ;;
	esac
}

_calloutctl()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' i at=0 values
	local commands='status list stats set arm bench record replay top'

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ " $commands " == *" ${COMP_WORDS[i]} "* ]]; then
			command=${COMP_WORDS[i]} at=$i
			break
		fi
	done
	if [[ $command == record && ($before == -o || $before == --output) ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	elif [[ $before == --root ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
	elif [[ $before == -* && $before != -- ]] && values=$(_calloutctl_values "$command" "$before"); then
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
	elif [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_calloutctl_options "$command")" -- "$word")
	elif [[ $command == replay ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	elif [[ ! $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
	elif [[ $command == set && $COMP_CWORD == $((at + 1)) ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'clock mode frequency precision weak-window handler-warn' -- "$word")
	elif [[ $command == set && $COMP_CWORD == $((at + 2)) ]]; then
		case $before in
		clock) values=$(_calloutctl_words available_clocks) ;;
		mode) values=$(_calloutctl_words available_modes) ;;
		*) values='' ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
	fi
}

complete -F _calloutctl calloutctl
