import { pino, type Logger } from 'pino';

export type { Logger };

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Structured logs, a JSON object a line, to standard error: standard output belongs to a program's answers. */
export function createLogger(options: { name: string; level: LogLevel }): Logger {
  return pino({ name: options.name, level: options.level, base: null }, pino.destination({ fd: 2, sync: true }));
}
