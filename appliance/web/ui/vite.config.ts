import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const appliance = process.env.XDR_DEV_APPLIANCE ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  // The server puts a fresh nonce in its place in every answer (appliance/web/security.py).
  html: { cspNonce: 'XDR_CSP_NONCE' },
  build: {
    outDir: '_dist',
    // The content security policy admits no `data:` fonts or scripts: every asset is a file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2024',
    sourcemap: false,
    manifest: 'assets/manifest.json',
    rolldownOptions: {
      output: {
        // What changes with our own releases is kept apart from what changes with theirs, so that
        // an update of the console does not make every browser fetch the libraries again.
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules\/(react|react-dom|scheduler|react-router)\// },
            { name: 'query', test: /node_modules\/(@tanstack|openapi-)/ },
            { name: 'patternfly', test: /node_modules\/@patternfly\/.*\.js$/ },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': appliance, '/sign-in': appliance } },
  test: { include: ['src/**/*.test.{ts,tsx}'], environment: 'node' },
});
