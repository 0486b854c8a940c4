import {execFileSync} from 'node:child_process'
import {mkdtempSync, rmSync} from 'node:fs'
import {writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll} from 'vitest'

/** A disk of 16 MiB for the tests of a file; `undefined` where this user may not mount one. */
export function mountSmallDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'cloud-runner-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', folder], {stdio: 'ignore'})
  } catch {
    rmSync(folder, {recursive: true})
    return undefined
  }
  afterAll(() => {
    execFileSync('umount', ['--lazy', folder])
    rmSync(folder, {recursive: true})
  })
  return folder
}

/** Writes to a disk until nothing more fits. @returns the file to remove */
export async function fillDisk(disk: string): Promise<string> {
  const filler = join(disk, 'filler')
  for (const bytes of [1024 * 1024, 64 * 1024, 4096, 1]) {
    for (;;) {
      const isFull = await writeFile(filler, Buffer.alloc(bytes), {flag: 'a'}).then(
        () => false,
        () => true,
      )
      if (isFull) break
    }
  }
  return filler
}

/** What the title of a test says at its end where it is skipped. */
export const NO_SMALL_DISK = ' (skipped: no right to mount a small disk)'
