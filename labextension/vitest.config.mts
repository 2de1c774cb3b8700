import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: import.meta.dirname,
  test: {
    environment: 'jsdom',
    include: ['src/**/__tests__/*.test.{ts,tsx}'],
    setupFiles: ['./vitest.setup.ts'],
    // JupyterLab packages ship ESM syntax and CSS imports without "type": "module":
    // have vite transform them instead of leaving them to node
    server: { deps: { inline: [/@jupyterlab\//, /@jupyter\//, /@lumino\//, /@rjsf\//] } },
    testTimeout: 60_000, // a loaded machine is slow
    css: false
  }
});
