// The thread of the conformance suite. It has many stores, since starting a thread takes longer than most laws do.
import './worker-sources.js'

await import('./conformance-thread-stores.ts')
