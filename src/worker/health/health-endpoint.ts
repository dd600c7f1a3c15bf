import { openHttpEndpoint, type HttpEndpoint } from '../../common/http-endpoint.ts';
import type { Answer, Health } from './health.ts';

/** Serves `/livez` and `/readyz`: 200, or 503 with a reason. */
export function openHealthEndpoint(health: Health, at: { host: string; port: number }): Promise<HttpEndpoint> {
  const answers: Record<string, () => Answer> = { '/livez': health.livez, '/readyz': health.readyz };
  return openHttpEndpoint('The health endpoint', at, (request, response) => {
    const answer = answers[request.url?.split('?', 1)[0] ?? '']?.();
    const status = answer === undefined ? 404 : answer.isGood ? 200 : 503;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(answer?.body ?? { reason: 'There are /livez and /readyz.' })}\n`);
  });
}
