/** A promise that its waiter may leave: rejects with `signal.reason`. */
export async function withSignal<T>(
  signal: AbortSignal | undefined,
  begin: (resolve: (value: T) => void, reject: (error: Error) => void) => unknown,
): Promise<T> {
  if (signal === undefined) return await new Promise<T>(begin)
  signal.throwIfAborted()
  let leave: (() => void) | undefined
  try {
    return await new Promise<T>((resolve, reject) => {
      leave = () => reject(signal.reason as Error)
      signal.addEventListener('abort', leave, { once: true })
      begin(resolve, reject)
    })
  } finally {
    if (leave !== undefined) signal.removeEventListener('abort', leave)
  }
}
