/** Shells whose Tab key can ask this program. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

export type Shell = (typeof SHELLS)[number]

/** The line, instead of a word, for: complete names of files. */
export const FILES = ':files'

/** What a shell runs once, so that Tab asks the hidden command `complete` for each line's candidates. */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `_cloud_runner_complete() {
  local line file current="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = '${FILES}' ]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen -f -- "$current")
    else
      COMPREPLY+=("$(printf %q "\${line%%$'\\t'*}")")
    fi
  done < <(cloud-runner complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o nosort -F _cloud_runner_complete cloud-runner
`,
  zsh: `#compdef cloud-runner
_cloud_runner_complete() {
  local line
  local -a described
  for line in "\${(@f)$(cloud-runner complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == '${FILES}' ]]; then
      _files
    elif [[ -n $line ]]; then
      described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    fi
  done
  (( \${#described} )) && _describe cloud-runner described
}
if [[ \${funcstack[1]} == _cloud_runner_complete ]]; then
  _cloud_runner_complete "$@"
else
  compdef _cloud_runner_complete cloud-runner
fi
`,
  fish: `function __cloud_runner_complete
  set -l typed (commandline -opc)
  set -l current (commandline -ct)
  for line in (cloud-runner complete -- $typed[2..] "$current" 2>/dev/null)
    if test "$line" = '${FILES}'
      __fish_complete_path "$current"
    else
      echo $line
    end
  end
end
complete -c cloud-runner -f -a '(__cloud_runner_complete)'
`,
}
