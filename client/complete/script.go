package complete

import (
	"fmt"
	"os"
	"strings"
)

// Script returns what makes a shell ask us. One file serves tssh and tsshd.
func Script(shell string) string { return scripts[shell] }

// Main answers the scripts: a candidate a line, its help behind a tab. fresh
// says that a new word begins; some shells can't pass an empty one. TSSH_BEHIND is what
// stands behind the cursor, unread but for its blanks.
func Main(args []string, fresh bool, from Source) {
	if _, behind, ok := strings.Cut(os.Getenv("TSSH_BEHIND"), " "); ok { // before it is the rest of the word
		from.Behind = strings.Fields(behind)
	}
	if fresh {
		args = append(args, "")
	}
	for _, c := range Words(args, from) {
		if c.Help != "" {
			c.Help = "\t" + c.Help
		}
		fmt.Println(c.Word + c.Help)
	}
}

var scripts = map[string]string{
	// bash breaks words at = : and @, and we do not: the script cuts off what bash
	// has on the line already. What stands behind the cursor stays, also of a word.
	"bash": `_tssh() {
	local cur=$2 line=${COMP_LINE:0:COMP_POINT} word= c
	local -a words
	read -r -a words <<<"$line"
	case $line in *[[:blank:]]) words+=("") ;; esac
	word=${words[${#words[@]}-1]}
	word=${word%"$cur"}
	COMPREPLY=()
	while IFS=$'\t' read -r c _; do
		case $c in
		:files)
			while IFS= read -r c; do COMPREPLY+=("$c"); done < <(compgen -f -- "$cur")
			compopt -o filenames 2>/dev/null; return ;;
		*=) compopt -o nospace 2>/dev/null ;;
		esac
		COMPREPLY+=("${c#"$word"}")
	done < <(TSSH_BEHIND=${COMP_LINE:COMP_POINT} command "$1" --complete "${words[@]:1}" 2>/dev/null)
}
complete -F _tssh tssh tsshd
`,
	"zsh": `#compdef tssh tsshd
_tssh() {
	local -a lines names shown open openshown
	local line
	lines=("${(@f)$(TSSH_BEHIND=" ${words[CURRENT+1,-1]}" command $words[1] --complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ $lines[1] == :files ]]; then _files; return; fi
	for line in $lines; do
		if [[ ${line%%$'\t'*} == *= ]]; then
			open+=("${line%%$'\t'*}"); openshown+=("${line/$'\t'/  -- }")
		else
			names+=("${line%%$'\t'*}"); shown+=("${line/$'\t'/  -- }")
		fi
	done
	(( $#names )) && compadd -l -d shown -a names
	(( $#open )) && compadd -S '' -l -d openshown -a open
}
if [ "$funcstack[1]" = _tssh ]; then _tssh "$@"; else compdef _tssh tssh tsshd; fi
`,
	"fish": `function __tssh_complete
	set -l words (commandline -opc)
	set -l program $words[1]
	set -e words[1]
	set -l cur (commandline -ct)
	set -l all (command $program --complete $words "$cur" 2>/dev/null)
	if test "$all[1]" = ":files"
		__fish_complete_path "$cur"
	else if test (count $all) -gt 0
		printf '%s\n' $all
	end
end
complete -c tssh -f -a '(__tssh_complete)'
complete -c tsshd -f -a '(__tssh_complete)'
`,
	"powershell": `Register-ArgumentCompleter -Native -CommandName 'tssh', 'tsshd' -ScriptBlock {
	param($wordToComplete, $commandAst, $cursorPosition)
	$all = @($commandAst.CommandElements | Where-Object { $_.Extent.StartOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
	$program, $words = $all
	$how = if ($wordToComplete -eq '') { '--complete-new' } else { '--complete' }
	& $program $how @words 2>$null | ForEach-Object {
		$word, $help = $_ -split [char]9, 2
		if ($word -eq ':files') { return }
		if (-not $help) { $help = $word }
		[System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $help)
	}
}
`,
}
