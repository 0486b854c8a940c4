/** The page's look, by day and by night as the reader's system has it. */
export const STYLE = `
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --text: #1b1f24; --muted: #5c6670; --grid: #e3e6ea; --own: #1f6fd1; --others: #9aa3ad; --warn: #9a5b00; --warn-back: #fff4e0 }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1d2126; --text: #e6e9ed; --muted: #9ca6b1; --grid: #30363d; --own: #69a8f5; --others: #6d7681; --warn: #f0b45c; --warn-back: #33291a } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 76rem; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; overflow-wrap: break-word }
h1 { font-size: 1.4rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .6rem }
.sub { color: var(--muted); margin: .2rem 0 1.2rem }
.tiles, .charts { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)) }
.charts { grid-template-columns: repeat(auto-fill, minmax(min(25rem, 100%), 1fr)) }
.tile, figure, .card { background: var(--card); border: 1px solid var(--grid); border-radius: 8px; padding: .8rem 1rem; margin: 0 }
.tile b { display: block; font-size: 1.5rem; font-weight: 600; line-height: 1.2 } .tile span, .tile small { color: var(--muted); display: block }
figcaption { font-weight: 600; margin-bottom: .4rem } .wide { margin-top: .8rem } .wide svg { max-width: 60rem }
svg { display: block; width: 100%; height: auto; font: 11px system-ui, sans-serif }
.grid { stroke: var(--grid); fill: none } .axis { stroke: var(--muted) } .tick, .label { fill: var(--muted) } .name, .note, .legend text { fill: var(--text) }
.reference { stroke: var(--muted); stroke-dasharray: 4 4; fill: none } .line { stroke: var(--own); stroke-width: 2; fill: none; stroke-linejoin: round } .area { fill: var(--own); opacity: .12 }
.dot { fill: var(--own); stroke: var(--card) } .whisker { stroke: var(--own); stroke-width: 2; opacity: .55 } rect.own { fill: var(--own) } rect.others { fill: var(--others) }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums } th, td { text-align: right; padding: .25rem .7rem; border-bottom: 1px solid var(--grid); white-space: nowrap } th { color: var(--muted); font-weight: 500 } th:first-child, td:first-child { text-align: left }
.shade { background: color-mix(in srgb, var(--own) calc(var(--share) * 60%), transparent) }
.warnings { background: var(--warn-back); border-left: 4px solid var(--warn); padding: .6rem 1rem .6rem 2rem; border-radius: 4px }
ul { padding-left: 1.2rem; margin: .3rem 0 } summary { cursor: pointer; font-weight: 600 } details { margin-top: .8rem }
@media print { body { background: none } .tile, figure, .card { break-inside: avoid } }
`
