import { infiniteQueryOptions, QueryCache, QueryClient, queryOptions } from '@tanstack/react-query';
import { ApiError } from '../client/api-error.ts';
import type { Client } from '../client/client.ts';
import { isTerminal } from '../protocol/states.ts';

/** Milliseconds between two looks at what may have changed; none are taken while the page is hidden. */
const refreshInterval = 5000;
const pageSize = 30;

/** The client repeats by itself what failed for a passing reason, so that a query need not. */
export function createQueryClient(): QueryClient {
  const queries: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError(error, query) {
        // Whoever is told so by one page is signed out on all of them.
        if (isSignedOut(error) && query.queryKey[0] !== 'session')
          void queries.invalidateQueries({ queryKey: ['session'] });
      },
    }),
    defaultOptions: { queries: { retry: false, staleTime: 1000 } },
  });
  return queries;
}

export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

export function sessionQuery(client: Client) {
  return queryOptions({
    queryKey: ['session'],
    queryFn: ({ signal }) => client.session({ signal }),
    staleTime: 60_000,
    refetchInterval: ({ state: { error } }) => (error && !isSignedOut(error) ? refreshInterval : false),
  });
}

export function runsQuery(client: Client) {
  return infiniteQueryOptions({
    queryKey: ['runs'],
    queryFn: ({ pageParam, signal }) =>
      client.listRuns({ limit: pageSize, sort_by: 'created_at', ...(pageParam && { cursor: pageParam }) }, { signal }),
    initialPageParam: '',
    getNextPageParam: ({ page_info: page }) => (page.has_next_page ? page.next_cursor : undefined),
    refetchInterval: refreshInterval,
  });
}

/** While a run is live its reason for waiting may change without an event; its teardown may say something after its end. */
export function runQuery(client: Client, runId: string) {
  return queryOptions({
    queryKey: ['run', runId],
    queryFn: ({ signal }) => client.getRun(runId, { signal }),
    refetchInterval: ({ state: { data } }) =>
      data && isTerminal(data.state) && !data.is_sandbox_running ? false : refreshInterval,
  });
}

export function workersQuery(client: Client) {
  return queryOptions({
    queryKey: ['workers'],
    queryFn: ({ signal }) => client.connectedWorkers({ signal }),
    refetchInterval: refreshInterval,
  });
}
