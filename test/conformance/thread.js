// Nothing loads TypeScript in a thread unless it is told to.
import { register } from 'tsx/esm/api'

register()
export const { openInWorker } = await import('./thread-store.ts')
