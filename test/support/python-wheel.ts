import {execFileSync} from 'node:child_process'
import {join} from 'node:path'

const WRITE_WHEEL = `
import sys, zipfile
path, source = sys.argv[1:]
with zipfile.ZipFile(path, "w") as wheel:
    wheel.writestr("shout.py", source)
    about = "shout-1.0.dist-info/"
    wheel.writestr(about + "METADATA", "Metadata-Version: 2.1\\nName: shout\\nVersion: 1.0\\n")
    wheel.writestr(about + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(about + "RECORD", "".join(name + ",,\\n" for name in wheel.namelist()) + about + "RECORD,,\\n")
`

/** Writes a wheel of the package `shout`, which pip installs without a network. @returns its name in the folder */
export function writeWheel(folder: string, source: string): string {
  const name = 'shout-1.0-py3-none-any.whl'
  execFileSync('python3', ['-c', WRITE_WHEEL, join(folder, name), source])
  return name
}
