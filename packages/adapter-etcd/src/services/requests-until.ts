/** The requests of a stream until a signal aborts: whoever waits for the next one then gets its reason. */
export function requestsUntil<Request>(
  requests: AsyncIterable<Request>,
  signal: AbortSignal,
): AsyncIterable<Request> {
  const next = (iterator: AsyncIterator<Request>): Promise<IteratorResult<Request>> =>
    new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason as Error)
      if (signal.aborted) {
        abort()
        return
      }
      signal.addEventListener('abort', abort)
      iterator
        .next()
        .finally(() => signal.removeEventListener('abort', abort))
        .then(resolve, reject)
    })
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = requests[Symbol.asyncIterator]()
      return {
        next: () => next(iterator),
        return: async () => {
          await iterator.return?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}
