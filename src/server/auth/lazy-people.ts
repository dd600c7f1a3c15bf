import type { People, PeopleOptions } from './people.ts';

/**
 * Loads the library of sessions when somebody first signs in: a server that only machines talk to starts without it, and
 * by then the server knows the address it is reached by.
 */
export function createLazyPeople(options: () => PeopleOptions): People {
  let loading: Promise<People> | undefined;
  const load = () => (loading ??= import('./people.ts').then(({ createPeople }) => createPeople(options())));
  return {
    userOfSession: async (cookie) => await (await load()).userOfSession(cookie),
    createSignInLink: async (email) => await (await load()).createSignInLink(email),
    handle: async (request) => await (await load()).handle(request),
  };
}
