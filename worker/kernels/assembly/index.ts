export {rowsOf, widen} from './block'
export {factorRow} from './cholesky'
export {crc32c, crc32cTables} from './crc32c'
export {addHessian, assembleHessian, curvature} from './hessian'
export {addGradient, lossOfTwo, passOfTwo, probabilities, scores} from './pass'
export {decimals} from './decimals'
export {
  gatherPresent,
  indicate,
  lookUp,
  normalScores,
  scatterDoubles,
  scatterFloats,
  scatterIntegers,
  standardize,
} from './encode'
export {appendPredictions, probability} from './predictions'
export {splitRecords} from './records'
export {countSteps, placements, takeUpTo, traceThresholds} from './ranking'
export {greatest, select} from './select'
export {numbersOfKeys, sortByDigit, sortingKeys} from './sort'
export {survey} from './survey'
export {addLossesOfLines, dealInTurn, differences, dropMissing, toUnits} from './univariate'
export {shuffle} from './shuffle'
