/** The API for your own worker: `import {serve, PermanentError} from 'cloud-runner/worker'`. */
export {serve} from './serve.ts'
export {PermanentError} from '../processor.ts'
export type {InputFile, Output, ProcessContext, Processor} from '../processor.ts'
export type * from '../contract.ts'
