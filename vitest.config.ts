import { defineConfig } from 'vitest/config'

/** Four projects: unit and contract are quick (npm run check), the others start processes. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          testTimeout: 20_000,
          include: ['src/**/*.test.ts', 'sdk/**/*.test.ts', 'test/architecture.test.ts'],
        },
      },
      {
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts', 'test/vectors/**/*.test.ts'],
        },
      },
      { test: { name: 'corpora', include: ['test/corpora/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/security/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
