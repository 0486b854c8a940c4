/** The three steps of an upload: what needs no network, sending, and waiting for what becomes of it. */
export {planUpload, type PlannedUpload} from './plan.ts'
export {upload, type UploadedFile, type UploadResult} from './send.ts'
export {waitForResults, type WaitResult} from './wait.ts'
