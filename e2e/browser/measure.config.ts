import { defineConfig } from '@playwright/test'
import tests from './playwright.config.ts'

/** What is measured, not asserted: run by itself, on a machine that does nothing else. */
// biome-ignore lint/style/noDefaultExport: Playwright looks for it
export default defineConfig({
  ...tests,
  testDir: 'measure',
  testMatch: '*.ts',
  outputDir: 'test-results/measure',
  timeout: 0,
  globalTimeout: 0,
  retries: 0,
})
