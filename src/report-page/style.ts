import {Markup} from './markup.ts'

/** The page's style: light or dark as the reader's system prefers, and for print. */
export const STYLE = new Markup(`
:root { color-scheme: light dark; --page: #f5f6f8; --card: #fff; --text: #1a1e23; --muted: #59636e; --line: #dfe3e8; --grid: #e8ebef; --own: #1b66c9; --others: #7b8794; --warn: #8a5000; --warn-back: #fff3df }
@media (prefers-color-scheme: dark) { :root { --page: #121519; --card: #1b1f24; --text: #e7eaee; --muted: #a2acb7; --line: #323942; --grid: #2a3038; --own: #6cabf7; --others: #828d9a; --warn: #f3bb68; --warn-back: #30271a } }
@media print { :root { color-scheme: only light; --page: #fff; --card: #fff; --text: #000; --muted: #444; --line: #bbb; --grid: #ddd; --own: #1b66c9; --others: #7b8794; --warn: #8a5000; --warn-back: #fff } }
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100% }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 64rem; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; overflow-wrap: anywhere; print-color-adjust: exact; -webkit-print-color-adjust: exact }
h1 { font-size: 1.6rem; line-height: 1.25; letter-spacing: -.01em; margin: 0 0 .35rem; text-wrap: balance }
h2 { font-size: 1.15rem; line-height: 1.3; margin: 2.5rem 0 .75rem }
p { margin: 0; text-wrap: pretty } .sub { color: var(--muted); font-size: .875rem }
header p { max-width: 46rem } header + *, .tiles + .sub { margin-top: 1rem }
.tiles { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); margin-top: 1.5rem }
.charts { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); margin-top: 1.5rem }
.tile, figure, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.1rem; margin: 0; min-width: 0 }
.tile { padding: .8rem 1rem } .tile b { display: block; font-size: 1.7rem; font-weight: 600; line-height: 1.25; letter-spacing: -.02em; font-variant-numeric: tabular-nums } .tile span, .tile small { color: var(--muted); display: block; font-size: .8125rem; line-height: 1.35 }
.pair { display: flex; flex-wrap: wrap; gap: 0 .75rem } .pair section { flex: 1 1 auto; max-width: 100%; display: flex; flex-direction: column } .pair .card { flex: 1 } .pair .sub { margin-top: .7rem; width: 0; min-width: 100% } figure + .all { margin-top: .75rem } .all.card details { margin: 0 } .charts svg { max-width: 32rem }
figcaption { font-weight: 600; margin-bottom: .5rem }
svg { display: block; width: 100%; height: auto; font: 11.5px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; paint-order: stroke; margin-bottom: .6rem }
svg text { white-space: pre; paint-order: stroke } .narrow { display: none }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .35rem .75rem; border-bottom: 1px solid var(--line); white-space: nowrap; vertical-align: baseline } tbody tr:last-child > * { border-bottom: 0 }
th { font-weight: 400 } thead th { color: var(--muted); border-bottom-color: var(--muted); vertical-align: bottom } th:first-child, td:first-child { text-align: left; padding-left: 0 } td small { color: var(--muted) }
tbody th { max-width: 26rem; white-space: normal; min-width: 7rem } thead th { max-width: 12rem; white-space: normal; min-width: 4.5rem } .text { max-width: 14rem; white-space: normal; min-width: 6rem }
.matrix td { min-width: 4rem; padding: .3rem .55rem; background: color-mix(in srgb, var(--own) calc(var(--share) * 45%), transparent); border: 2px solid var(--card); vertical-align: middle } .matrix td small { display: block; color: inherit; line-height: 1.3 } .matrix tr > th:first-child { padding-left: 0 } .matrix th { padding: .3rem .55rem; max-width: 14rem; white-space: normal } .matrix tbody th { border: 0; vertical-align: middle } .matrix thead th { border-bottom: 0; min-width: 4rem }
.warnings { list-style: none; padding: .75rem 1rem; margin: 1.25rem 0 0; background: var(--warn-back); border: 1px solid var(--line); border-left: 4px solid var(--warn); border-radius: 6px; font-size: .9375rem } .warnings li + li { margin-top: .35rem }
ul { padding-left: 1.2rem; margin: .3rem 0 } .card ul { font-size: .9375rem } summary { cursor: pointer; width: fit-content } figure summary, .card summary { color: var(--muted); font-size: .875rem } figure details, .card details { margin-top: .6rem } .card details + .sub { margin-top: .6rem } .class > summary { font-weight: 600; margin-top: 1.25rem }
@media (max-width: 40rem) { body { padding: 1.25rem .75rem 3rem } .wide { display: none } .narrow { display: block } svg { font-size: 13.5px } h1 { font-size: 1.35rem } .tiles { grid-template-columns: repeat(2, 1fr) } .tile:first-child { grid-column: 1 / -1 } td small { display: block } th, td { padding: .35rem .2rem; white-space: normal; overflow-wrap: normal; font-size: .75rem } thead th, tbody th, .text { max-width: 12rem; min-width: 3.5rem; overflow-wrap: anywhere } thead th { min-width: min-content; overflow-wrap: break-word } .matrix td, .matrix thead th { min-width: 2.75rem; padding: .3rem .2rem } .matrix thead th { overflow-wrap: anywhere } .matrix tbody th { min-width: 5.5rem } .matrix tr > th:first-child { position: sticky; left: 0; background: var(--card) } }
@media print { body { padding: 0; max-width: none; font-size: 11pt } .tile, figure, .card, tr { break-inside: avoid } h2 { break-after: avoid } .charts { grid-template-columns: 1fr 1fr } .wide { display: block } .narrow { display: none } svg { font-size: 12px } }
`)
