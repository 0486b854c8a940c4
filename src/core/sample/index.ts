export {SAMPLE_ROWS, SAMPLE_SEED, generateSample} from './generate.ts'
export {SAMPLE_TRUTH} from './truth.ts'
