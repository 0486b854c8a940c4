import {describeServices} from './protos.ts'

/** All described services. The build replaces this module by its value: reading the protos takes longer than a start may. */
export const SERVICES = describeServices()
