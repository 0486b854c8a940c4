import {logisticRegression} from './logistic-regression/index.ts'
import {serve} from './runtime/index.ts'

serve(logisticRegression)
