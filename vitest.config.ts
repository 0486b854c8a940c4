import {defineConfig} from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    env: {METADATA_SERVER_DETECTION: 'none', NO_COLOR: '1'},
    reporters: ['default', ['json', {outputFile: 'test-results/vitest.json'}]],
  },
})
