import {parseAst} from 'vitest/node'

/** A node of a syntax tree, as far as these functions look. */
interface Node {
  readonly type: string
  readonly [field: string]: unknown
}

/** A command that a source suggests. */
export interface Suggested {
  /** `undefined` if it is known only when the program runs. */
  readonly verb: string | undefined
  /** Values known only when the program runs are `1`, which is valid as a name and as a number. */
  readonly args: readonly string[]
}

/** Every command that a TypeScript source suggests with `command`, `commandFor` and `synopsis`, in each of its variants. */
export function suggestedCommands(source: string): Suggested[] {
  return nodesOf(source)
    .filter(
      ({type, callee}) => type === 'CallExpression' && /^(?:command(?:For)?|synopsis)$/.test(nameOf(callee)),
    )
    .flatMap((call) => {
      const [verb, ...args] = childrenOf(call['arguments'])
      return product([verb === undefined ? [[]] : variants(verb), ...args.map(variants)]).map(
        ([first, ...rest]) => ({
          verb: first === UNKNOWN ? undefined : first,
          args: rest,
        }),
      )
    })
}

/** Every flag that a source adds to the typed command with `again`. */
export function repeatedFlags(source: string): string[] {
  return nodesOf(source)
    .filter(({type, callee}) => type === 'CallExpression' && nameOf(callee) === 'again')
    .flatMap((call) => childrenOf(call['arguments']).map(literalText))
    .filter((text) => text.startsWith('--'))
}

/** Texts of a source that are not data but read like a command: `cloud-runner setup`, `${bin} setup`; a script has `npx`. */
export function commandsInProse(source: string, verbs: readonly string[]): string[] {
  const command = new RegExp(String.raw`(?<!npx )\bcloud-runner (?:${verbs.join('|')})\b`)
  return nodesOf(source)
    .map((node) => (node.type === 'TemplateLiteral' ? templateText(node) : literalText(node)))
    .filter((text) => command.test(text))
}

/** A template's text, with the program's name for `bin` and nothing for other expressions. */
function templateText(template: Node): string {
  const names = childrenOf(template['expressions']).map((expression) =>
    nameOf(expression['property'] ?? expression),
  )
  return childrenOf(template['quasis'])
    .map((part, index) => `${rawOf(part['value'])}${names[index] === 'bin' ? 'cloud-runner' : ''}`)
    .join('')
}

function rawOf(value: unknown): string {
  return typeof value === 'object' && value !== null && 'raw' in value ? String(value.raw) : ''
}

function literalText({type, value}: Node): string {
  return type === 'Literal' && typeof value === 'string' ? value : ''
}

const UNKNOWN = '1'

/** The words that an argument stands for, in each of its variants. */
function variants(node: Node): string[][] {
  switch (node.type) {
    case 'Literal':
      return [[String(node['value'])]]
    case 'ConditionalExpression':
      return [node['consequent'], node['alternate']].flatMap((branch) =>
        isNode(branch) ? variants(branch) : [],
      )
    case 'ArrayExpression':
      return product(childrenOf(node['elements']).map(variants))
    case 'SpreadElement':
      return isNode(node['argument']) && /^(?:Array|Conditional)Expression$/.test(node['argument'].type)
        ? variants(node['argument'])
        : [[]]
    default:
      return [[UNKNOWN]]
  }
}

/** One variant of each, joined, in every combination. */
function product(lists: readonly string[][][]): string[][] {
  return lists.reduce<string[][]>(
    (heads, tails) => heads.flatMap((head) => tails.map((tail) => [...head, ...tail])),
    [[]],
  )
}

function nodesOf(source: string): Node[] {
  const found: Node[] = []
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit)
    else if (isNode(value)) {
      found.push(value)
      Object.values(value).forEach(visit)
    }
  }
  visit(parseAst(source, {lang: 'ts'}))
  return found
}

function nameOf(value: unknown): string {
  return isNode(value) && typeof value['name'] === 'string' ? value['name'] : ''
}

function childrenOf(value: unknown): Node[] {
  return Array.isArray(value) ? value.filter(isNode) : []
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}
