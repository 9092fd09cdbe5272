import { defineConfig } from '@playwright/test'

/** One worker: everything is done on one host, whose guests are emulated. */
// biome-ignore lint/style/noDefaultExport: Playwright looks for it
export default defineConfig({
  testDir: 'tests',
  outputDir: 'test-results',
  globalSetup: './stack.ts',
  workers: 1,
  fullyParallel: false,
  forbidOnly: true,
  timeout: 240_000,
  globalTimeout: 1_200_000,
  // Guests are emulated on a machine that may be busy; what passes only the second time is called flaky in the list.
  retries: 1,
  expect: { timeout: 45_000 },
  reporter: 'list',
  use: {
    actionTimeout: 30_000,
    navigationTimeout: 30_000,
    viewport: { width: 1440, height: 900 },
    contextOptions: { reducedMotion: 'reduce' },
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.NOVACRON_TEST_CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu'],
    },
  },
})
