import type { CallContext } from './services.ts'

/**
 * Calls back once when a call is aborted, with the reason; at once, if it is already.
 *
 * @returns stops listening
 */
export function onAbort(context: CallContext, callback: (reason: unknown) => void): () => void {
  if (context.onAbort !== undefined) return context.onAbort(callback)
  const { signal } = context
  const abort = (): void => callback(signal.reason)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return () => signal.removeEventListener('abort', abort)
}
