import {assembleImage} from '../../src/image/assemble.ts'
import {bundleWorker} from '../../src/image/bundle.ts'

/** What the packaged worker adds to its base: one layer, as a registry keeps it. */
export async function benchWorkerImage(): Promise<void> {
  const files = await bundleWorker({folder: undefined})
  const {layers} = await assembleImage({files})
  const bytes = files.reduce((sum, {content}) => sum + content.length, 0)
  const layerBytes = layers.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0)
  console.log('\nThe packaged worker above its base')
  console.table([
    {
      layers: layers.length,
      'unpacked kB': Math.round(bytes / 1000),
      'layer kB': Math.round(layerBytes / 1000),
    },
  ])
}
