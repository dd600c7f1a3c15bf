/**
 * Aborted when the server must stop: by a signal, by the end of the channel to the process that started it, so that it
 * never outlives a parent that was killed, or by an error that nobody caught, which is then the reason.
 */
export function listenForStop(process: NodeJS.Process): { signal: AbortSignal; ignore(): void } {
  const controller = new AbortController();
  const stop = () => controller.abort();
  const events = ['SIGTERM', 'SIGINT', 'SIGHUP', ...(process.send ? ['disconnect'] : [])];
  const fail = (error: Error) => controller.abort(error);
  for (const event of events) process.on(event, stop);
  process.on('uncaughtException', fail);
  // The parent may have died before there was anybody to hear of it.
  if (process.send && !process.connected) stop();
  return {
    signal: controller.signal,
    ignore: () => {
      for (const event of events) process.off(event, stop);
      process.off('uncaughtException', fail);
    },
  };
}
