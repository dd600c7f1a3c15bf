/**
 * Aborted when the server is asked to stop: by a signal, or by the end of the channel to the process that started it, so
 * that it never outlives a parent that was killed.
 */
export function listenForStop(process: NodeJS.Process): { signal: AbortSignal; ignore(): void } {
  const controller = new AbortController();
  const stop = () => controller.abort();
  const events = ['SIGTERM', 'SIGINT', 'SIGHUP', ...(process.send ? ['disconnect'] : [])];
  for (const event of events) process.on(event, stop);
  // The parent may have died before there was anybody to hear of it.
  if (process.send && !process.connected) stop();
  return {
    signal: controller.signal,
    ignore: () => {
      for (const event of events) process.off(event, stop);
    },
  };
}
