// Compiles the worker's kernels (worker/kernels) to WebAssembly.
import {createHash} from 'node:crypto'
import {createRequire} from 'node:module'
import {existsSync, globSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'

const FOLDER = 'worker/kernels'
/** As JSON, since Node, vitest and esbuild import that alike. */
export const KERNELS_FILE = `${FOLDER}/kernels.json`

/** Writes {@link KERNELS_FILE}, unless its sources, the compiler and this script are those that it was compiled from. */
export async function compileKernels(root) {
  const sources = globSync(`${FOLDER}/assembly/*.ts`, {cwd: root}).toSorted()
  const {version} = createRequire(import.meta.url)('assemblyscript/package.json')
  const hash = createHash('sha256')
    .update(version)
    .update(readFileSync(import.meta.filename))
  for (const file of sources) hash.update(`\0${file}\0`).update(readFileSync(join(root, file)))
  const digest = hash.digest('hex')
  const target = join(root, KERNELS_FILE)
  if (existsSync(target) && JSON.parse(readFileSync(target, 'utf8')).sources === digest) return
  // Loading it takes longer than all else here.
  const {main} = await import('assemblyscript/asc')
  const compile = async (...options) => {
    let wasm
    let complaints = ''
    const {error} = await main(
      [
        join(FOLDER, 'assembly', 'index.ts'),
        `--baseDir=${root}`,
        '--outFile=kernels.wasm',
        '-O3',
        '--noAssert',
        '--enable=simd',
        // The memory is the caller's, and holds nothing but what it puts there.
        '--runtime=stub',
        '--importMemory',
        // Vectors pass between the kernels' own functions only.
        '--disableWarning=112',
        ...options,
      ],
      {
        writeFile(_name, contents) {
          wasm = contents
        },
        stderr: {
          write(chunk) {
            complaints += chunk
          },
        },
      },
    )
    if (error) throw new Error(`The kernels do not compile.\n${complaints}`, {cause: error})
    return Buffer.from(wasm).toString('base64')
  }
  const kernels = {
    sources: digest,
    wasm: await compile(),
    // The same over memory that threads share: all that WebAssembly can address.
    shared: await compile('--enable=threads', '--sharedMemory', '--maximumMemory=65536'),
  }
  writeFileSync(target, `${JSON.stringify(kernels, null, 2)}\n`)
}
