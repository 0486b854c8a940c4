import {logisticRegression} from './logistic-regression/index.ts'
import {serve} from './runtime/index.ts'
import {allowThreads, isTaskThread} from './threads.ts'

if (!isTaskThread) {
  void allowThreads(import.meta.filename)
  serve(logisticRegression)
}
