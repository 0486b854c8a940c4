// Redraws the pictures of docs/architecture.md from the imports: npm run architecture
import {readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {drawHouse, redraw} from '../test/support/house-drawing.ts'

const root = join(import.meta.dirname, '..')
const page = join(root, 'docs/architecture.md')
writeFileSync(page, redraw(readFileSync(page, 'utf8'), drawHouse(root)))
