/** The package has no types of its own; this is the part that is used here, as version 2.0.0 has it. */
declare module 'ml-logistic-regression' {
  import type {AbstractMatrix} from 'ml-matrix'

  export interface LogisticRegressionJson {
    name: 'LogisticRegression'
    numSteps: number
    learningRate: number
    numberClasses: number
    classifiers: {numSteps: number; learningRate: number; weights: number[][]}[]
  }

  export default class LogisticRegression {
    constructor(options: {numSteps: number; learningRate: number})
    readonly classifiers: readonly {readonly weights: AbstractMatrix}[]
    /** @param labels a column of class indexes, each class at least once */
    train(features: AbstractMatrix, labels: AbstractMatrix): void
    static load(model: LogisticRegressionJson): LogisticRegression
    /** The index of a class per row. */
    predict(features: AbstractMatrix): number[]
    toJSON(): LogisticRegressionJson
  }
}
