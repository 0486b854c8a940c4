import {useLayoutEffect, useRef} from 'preact/hooks'
import type {LogLine} from '../../api.ts'
import {clock} from '../format.ts'
import {fileAddress} from '../where.ts'

export interface LogLinesProps {
  /** Oldest first. */
  readonly lines: readonly LogLine[]
  /** Whether lines of several files are mixed. */
  readonly hasObjects: boolean
  readonly label: string
  /** Keeps the newest line in view. */
  readonly isFollowing?: boolean
  /** Called when the user scrolls away from the newest line. */
  readonly onLeave?: () => void
}

/** Log lines in a frame that scrolls. */
export function LogLines({lines, hasObjects, label, isFollowing = false, onLeave}: LogLinesProps) {
  const frame = useRef<HTMLDivElement>(null)
  // Before the browser reports a scroll: lines that came meanwhile would make it look like the user's.
  useLayoutEffect(() => {
    if (isFollowing) frame.current?.scrollTo({top: frame.current.scrollHeight})
  }, [lines, isFollowing])
  const leave = () => {
    const {current} = frame
    if (current !== null && !isAtEnd(current)) onLeave?.()
  }
  return (
    // A wheel or a key is the user's; a scroll may be this page's own.
    <div ref={frame} class="log" tabIndex={0} role="log" aria-live="off" aria-label={label} onScroll={leave}>
      {lines.length === 0 && <p class="quiet">No lines.</p>}
      {lines.map((line) => (
        <Line key={`${line.time} ${line.insertId}`} line={line} hasObject={hasObjects} />
      ))}
    </div>
  )
}

/** Rounding, and a border. */
const NEAR_PX = 8

function isAtEnd({scrollHeight, scrollTop, clientHeight}: HTMLElement): boolean {
  return scrollHeight - scrollTop - clientHeight < NEAR_PX
}

function Line({line, hasObject}: {readonly line: LogLine; readonly hasObject: boolean}) {
  const {time, severity, message, object, attempt} = line
  return (
    <p class={`line ${severity.toLowerCase()}`}>
      <time dateTime={time}>{clock(time)}</time> <b>{severity}</b>{' '}
      {hasObject && object !== undefined && <Subject object={object} />}
      {attempt !== undefined && attempt > 1 && <small>attempt {attempt} </small>}
      <span>{message}</span>
    </p>
  )
}

/** The object that a line is about; the pipeline's own objects have no page. */
function Subject({object}: {readonly object: string}) {
  return <>{object.startsWith('_cloud-runner/') ? object : <a href={fileAddress(object)}>{object}</a>} </>
}
