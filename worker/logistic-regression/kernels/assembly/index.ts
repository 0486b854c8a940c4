export {rowsOf, widen} from './block'
export {addHessian, curvature} from './hessian'
export {addGradient, lossOfTwo, probabilities, scores} from './pass'
