import type {Interfaces} from '@oclif/core'

/** A word that may come next, and what it is. */
export interface Candidate {
  readonly word: string
  readonly about: string
}

/** Names that only the pipeline, or its settings, know. */
export type NameKind = 'object' | 'revision' | 'pipeline' | 'env'

/** What the last word of a command line may become. */
export interface Wanted {
  readonly words: readonly Candidate[]
  readonly names?: NameKind
  readonly files?: true
  /** The part of the word that is already complete, such as `--target=`. */
  readonly before: string
  /** The part to complete. */
  readonly prefix: string
}

type Flags = Readonly<Record<string, string>>

/** What is known of the commands without loading them: oclif's manifest. */
export type Program = Pick<Interfaces.Config, 'commands' | 'topics' | 'findCommand'>

const FILE_FLAGS = new Set(['output', 'env-file', 'model', 'worker'])
const FILE_ARGS = new Set(['file', 'folder'])

/**
 * What may come at the cursor.
 * @param words what follows `cloud-runner`, the word at the cursor last, which may be empty
 */
export function wantedAt(words: readonly string[], program: Program): Wanted {
  const last = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  const isOperand = before.includes('--')
  const {id, rest} = commandIn(before, program)
  const command = id === undefined ? undefined : program.findCommand(id)
  if (command === undefined)
    return {words: starting(commandsAfter(before, program), last), before: '', prefix: last}

  const flags = Object.values(command.flags).filter(({hidden}) => !hidden)
  const valued = (word: string | undefined) =>
    flags.find(
      (flag) => flag.type === 'option' && [`--${flag.name}`, `-${flag.char ?? ''}`].includes(word ?? ''),
    )
  const [name, value] = isOperand ? [last, undefined] : splitFlag(last)
  const open = isOperand ? undefined : valued(value === undefined ? before.at(-1) : name)
  if (open !== undefined) {
    const prefix = value ?? last
    const options = open.type === 'option' ? (open.options ?? []) : []
    return {
      words: starting(
        options.map((word) => ({word, about: open.name})),
        prefix,
      ),
      ...(isNameKind(open.name) ? {names: open.name} : {}),
      ...(FILE_FLAGS.has(open.name) ? {files: true} : {}),
      before: value === undefined ? '' : `${name}=`,
      prefix,
    }
  }
  if (!isOperand && last.startsWith('-')) {
    const typed = new Set(before)
    const offered = flags.filter(
      (flag) => !typed.has(`--${flag.name}`) || (flag.type === 'option' && flag.multiple === true),
    )
    return {
      words: starting(
        offered.map((flag) => ({word: `--${flag.name}`, about: flag.summary ?? ''})),
        last,
      ),
      before: '',
      prefix: last,
    }
  }
  const operands = rest.filter(
    (word, index) => !word.startsWith('-') && valued(rest[index - 1]) === undefined,
  )
  const args = Object.values(command.args)
  const arg = args[operands.length] ?? args.at(-1)
  return {
    words: starting(
      (arg?.options ?? []).map((word) => ({word, about: arg?.description ?? ''})),
      last,
    ),
    ...(arg !== undefined && isNameKind(arg.name) ? {names: arg.name} : {}),
    ...(arg !== undefined && FILE_ARGS.has(arg.name) ? {files: true} : {}),
    before: '',
    prefix: last,
  }
}

/** The flags in `words` that select the pipeline: `--pipeline NAME` and `--pipeline=NAME`. */
export function selectionIn(words: readonly string[]): Flags {
  return Object.fromEntries(
    words.flatMap((word, index) => {
      const [, name, value] = /^--(target|project|pipeline|env)(?:=(.*))?$/s.exec(word) ?? []
      const given = value ?? words[index + 1]
      return name === undefined || given === undefined ? [] : [[name, given]]
    }),
  )
}

/** The command that the first words name, and the words after it. */
function commandIn(words: readonly string[], program: Program): {id?: string; rest: readonly string[]} {
  const [first = '', second = ''] = words
  if (program.findCommand(`${first}:${second}`)) return {id: `${first}:${second}`, rest: words.slice(2)}
  if (program.findCommand(first)) return {id: first, rest: words.slice(1)}
  return {rest: []}
}

function commandsAfter(words: readonly string[], {commands, topics}: Program): Candidate[] {
  const visible = commands.filter(({hidden}) => !hidden)
  const [topic, ...more] = words
  if (more.length > 0) return []
  if (topic !== undefined) {
    return visible
      .filter(({id}) => id.startsWith(`${topic}:`))
      .map(({id, summary}) => ({word: id.slice(topic.length + 1), about: summary ?? ''}))
  }
  return [
    ...visible.filter(({id}) => !id.includes(':')).map(({id, summary}) => ({word: id, about: summary ?? ''})),
    // To oclif each command is a topic as well.
    ...topics
      .filter(({name}) => visible.some(({id}) => id.startsWith(`${name}:`)))
      .map(({name, description}) => ({word: name, about: description ?? ''})),
  ].toSorted((a, b) => (a.word < b.word ? -1 : 1))
}

function splitFlag(word: string): [name: string, value: string | undefined] {
  const at = word.startsWith('--') ? word.indexOf('=') : -1
  return at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
}

function starting(candidates: readonly Candidate[], prefix: string): Candidate[] {
  return candidates.filter(({word}) => word.startsWith(prefix))
}

function isNameKind(name: string): name is NameKind {
  return ['object', 'revision', 'pipeline', 'env'].includes(name)
}
