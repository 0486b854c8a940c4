import type {Fix} from '../../api.ts'
import {where} from '../where.ts'
import {asked, FIX_WORDS, FIXES} from './asked.ts'

/** Fixes all files that the list's filter matches, on every page of it. */
export function FixButtons() {
  const query = new URLSearchParams(where.value.query)
  query.delete('after')
  return (
    <div class="actions">
      {FIXES.map((fix) => (
        <AskButton key={fix} fix={fix} query={query.toString()} ending=" all …" />
      ))}
    </div>
  )
}

/** Asks before a fix. @param query which files, as in the API */
export function AskButton({
  fix,
  query,
  ending = ' …',
  isDisabled = false,
}: {
  readonly fix: Fix
  readonly query: string
  readonly ending?: string
  readonly isDisabled?: boolean
}) {
  return (
    <button
      type="button"
      disabled={isDisabled}
      onClick={() => {
        asked.value = {fix, query}
      }}
    >
      {FIX_WORDS[fix].verb}
      {ending}
    </button>
  )
}
