import {globSync, readFileSync} from 'node:fs'
import {join} from 'node:path'

/** A `variable` or `output` of a module, as `terraform fmt` writes it. */
export interface Block {
  readonly name: string
  readonly description: string
  /** Of a variable. */
  readonly type: string | undefined
  /** Of a variable, as it is written: `"europe-west3"`, `10`, `null`; `undefined` where it must be given. */
  readonly default: string | undefined
  readonly text: string
}

/** Reads the blocks of one kind from the module's files, in their order. */
export function blocksOf(folder: string, kind: 'variable' | 'output'): Block[] {
  return globSync('*.tf', {cwd: folder})
    .toSorted()
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .flatMap((text) => [
      ...text.matchAll(new RegExp(`^${kind} "(?<name>\\w+)" \\{\\n(?<text>[\\s\\S]*?)^\\}$`, 'gm')),
    ])
    .map(({groups}) => {
      const text = groups?.['text'] ?? ''
      const attribute = (name: string): string | undefined =>
        new RegExp(`^  ${name} += (?<value>.*)$`, 'm').exec(text)?.groups?.['value']
      const description: unknown = JSON.parse(attribute('description') ?? '""')
      return {
        name: groups?.['name'] ?? '',
        description: String(description),
        type: attribute('type'),
        default: attribute('default'),
        text,
      }
    })
}
