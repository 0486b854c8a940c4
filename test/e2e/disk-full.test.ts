import {rmSync} from 'node:fs'
import {statfs, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, onTestFinished, test} from 'vitest'
import {Cli} from '../support/cli.ts'
import {fillDisk, mountSmallDisk, NO_SMALL_DISK} from '../support/small-disk.ts'

const MIB = 1024 * 1024
const disk = mountSmallDisk()

test.skipIf(disk === undefined)(
  `a full disk: each command says so in one sentence, with what to do, and works again once there is space${disk === undefined ? NO_SMALL_DISK : ''}`,
  async () => {
    await using cli = await Cli.create()
    const cwd = disk ?? ''
    await cli.json(['setup'], {cwd})
    onTestFinished(() => cli.run(['local', 'stop'], {cwd}).then(() => undefined))

    // Sent in one piece, and in a resumable upload.
    const small = await cli.write('small.csv', 'a'.repeat(3 * MIB))
    const large = await cli.write('large.csv', 'a'.repeat(12 * MIB))
    const ballast = join(cwd, 'ballast')
    const {bavail, bsize} = await statfs(cwd)
    await writeFile(ballast, Buffer.alloc(bavail * bsize - 2 * MIB))
    for (const file of [small, large]) {
      const {exitCode, stdout, stderr} = await cli.run(['upload', file], {cwd})
      expect(stdout + stderr).toMatch(
        /Not enough room on the disk of \S+\/local \([\d.]+ MiB left\): nothing was changed\.$/m,
      )
      expect(exitCode).toBe(1)
    }

    await cli.run(['local', 'stop'], {cwd})
    rmSync(ballast)
    const filler = await fillDisk(cwd)
    const {exitCode, stderr} = await cli.run(['local', 'start'], {cwd})
    expect(stderr).toMatch(/^Error: .*\bdisk\b.*$/m)
    expect(stderr).toContain('Free some space, then run the same command again.')
    expect(stderr).not.toContain('bug')
    expect(exitCode).toBe(1)

    rmSync(filler)
    expect((await cli.run(['upload', small], {cwd})).exitCode).toBe(0)
  },
)
