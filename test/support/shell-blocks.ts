import {mkdir, symlink} from 'node:fs/promises'
import {delimiter, dirname, join} from 'node:path'
import {execa} from 'execa'
import {BIN, type Cli} from './cli.ts'

/** A fenced block of a page; the note follows the language: `sh clone`. */
export interface Block {
  readonly language: string
  readonly note: string
  readonly text: string
}

export function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^```(?<language>\w+)(?<note>[^\n]*)\n(?<text>[\s\S]*?)^```$/gm)].map(
    ({groups}) => ({
      language: groups?.['language'] ?? '',
      note: groups?.['note']?.trim() ?? '',
      text: groups?.['text'] ?? '',
    }),
  )
}

/** Runs a page's blocks for a shell, but those with a note, one after the other in the folder of `cli`. @returns what each printed */
export async function runShellBlocks(page: string, cli: Cli): Promise<string[]> {
  const bin = join(cli.folder, '.bin')
  await mkdir(bin)
  await symlink(BIN, join(bin, 'cloud-runner'))
  const path = [bin, dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter)
  const printed: string[] = []
  for (const {text} of blocksOf(page).filter(({language, note}) => language === 'sh' && note === '')) {
    const {exitCode, all} = await execa('bash', ['-euo', 'pipefail', '-c', text], {
      cwd: cli.folder,
      env: {PATH: path, HOME: cli.folder},
      all: true,
      reject: false,
    })
    if (exitCode !== 0) throw new Error(`Exit code ${exitCode} of:\n${text}\n${all}`)
    printed.push(all)
  }
  return printed
}
