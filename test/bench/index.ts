import {availableParallelism, cpus} from 'node:os'
import {benchBadFiles} from './bad-files.ts'
import {benchCliStart} from './cli-start.ts'
import {benchLocalCloudStart} from './local-cloud-start.ts'
import {benchManyFiles} from './many-files.ts'
import {benchPubsubServers} from './pubsub-servers.ts'
import {benchSmallFiles} from './small-files.ts'
import {benchStorageServers} from './storage-servers.ts'
import {benchUploadToResult} from './upload-to-result.ts'
import {benchWorkerFiles} from './worker-files.ts'
import {benchWorkerGrowth} from './worker-growth.ts'
import {benchWorkerImage} from './worker-image.ts'
import {benchWorkerStart} from './worker-start.ts'

// Times depend on the machine, ratios of one run hardly: quote those.
console.log(
  `Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}`,
)
await benchCliStart()
await benchWorkerStart()
await benchWorkerFiles()
await benchWorkerGrowth()
await benchWorkerImage()
await benchUploadToResult()
await benchSmallFiles()
await benchBadFiles()
await benchManyFiles()
await benchLocalCloudStart()
await benchPubsubServers()
await benchStorageServers()
