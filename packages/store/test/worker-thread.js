// What a host's module looks like where sources are run as they are.
import './worker-sources.js'

export const { openInWorker } = await import('./worker-thread-store.ts')
