import type {Problem as Shown} from '../api.ts'

/** What to do next, one line each. */
export function Suggestions({texts}: {readonly texts: readonly string[]}) {
  if (texts.length === 0) return null
  return (
    <ul class="suggestions">
      {texts.map((text) => (
        <li key={text}>{text}</li>
      ))}
    </ul>
  )
}

/** What went wrong in one part of the page. */
export function Problem({problem}: {readonly problem: Shown}) {
  return (
    <div class="problem" role="alert">
      <p>{problem.message}</p>
      <Suggestions texts={problem.suggestions} />
    </div>
  )
}
