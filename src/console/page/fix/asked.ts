import {signal} from '@preact/signals'
import type {Fix} from '../../api.ts'

/** A fix that the user is asked about. */
export interface Asked {
  readonly fix: Fix
  /** Which files: `object=…`, or the list's filter. */
  readonly query: string
}

export const asked = signal<Asked | undefined>(undefined)

/** The words for a fix. */
export const FIX_WORDS: Readonly<Record<Fix, {readonly verb: string; readonly consequence: string}>> = {
  reprocess: {
    verb: 'Reprocess',
    consequence: 'will be processed again; results stay until new ones replace them',
  },
  redrive: {verb: 'Redrive', consequence: 'will be sent from the dead letters back to the worker'},
  cancel: {verb: 'Cancel', consequence: 'will be stopped, and count as failed'},
}

export const FIXES: readonly Fix[] = ['reprocess', 'redrive', 'cancel']
