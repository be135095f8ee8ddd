import { defineConfig } from 'vitest/config'

// Workspace imports resolve to their sources, so that no test needs a build.
const resolve = { conditions: ['@orrery/source'] }
const ssr = { resolve: { conditions: ['@orrery/source'] } }

// How long something may take on a machine that has other things to do. What waits for something ends as soon as it is so.
const patience = { hookTimeout: 180_000, expect: { poll: { timeout: 30_000 } } }

export default defineConfig({
  test: {
    // Vitest leaves a core free by default: on two of them that is half of the machine.
    maxWorkers: 2,
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: 'unit',
          include: [
            'packages/*/test/**/*.test.ts',
            'examples/*/test/**/*.test.ts',
            'test/{architecture,conformance,simulation,examples}/**/*.test.ts',
          ],
          pool: 'forks',
          testTimeout: 180_000,
          ...patience,
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 600_000,
          ...patience,
        },
      },
    ],
  },
})
