import { z } from 'zod';
import { cookieName } from './credentials.ts';
import type { Route } from './route.ts';

/** The description of the interface (OpenAPI 3.1): drawn up from the routes themselves, so it has all of them and no other. */
export function openApiOf(routes: readonly Route[], isSecure: boolean): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const url = route.url.replace('*', '{path}');
    const operations = paths[url] ?? {};
    operations[route.method.toLowerCase()] = operationOf(route);
    paths[url] = operations;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'filemesh',
      version: '1',
      description:
        'Every peer serves this. Errors are {"error": {"code", "message"}}. While the mesh has no accounts, this machine is let in; else a cookie, a Bearer token, or name and password. From a page, what changes something needs the header x-filemesh: 1.',
    },
    paths,
    components: {
      securitySchemes: {
        cookie: { type: 'apiKey', in: 'cookie', name: cookieName(isSecure) },
        token: { type: 'http', scheme: 'bearer' },
        password: { type: 'http', scheme: 'basic' },
      },
    },
  };
}

function operationOf(route: Route): object {
  const inPath = route.url.includes('*')
    ? [
        {
          name: 'path',
          in: 'path',
          required: true,
          description: 'with its folders; each part escaped',
          schema: { type: 'string' },
        },
      ]
    : [];
  const body =
    route.takesBytes === true
      ? { 'application/octet-stream': {} }
      : route.body && { 'application/json': { schema: schemaOf(route.body) } };
  return {
    summary: route.summary,
    parameters: [...inPath, ...parametersOf(route.query)],
    ...(body && { requestBody: { content: body } }),
    responses: { default: { description: route.answers } },
    security: route.access === 'anybody' ? [] : [{ cookie: [] }, { token: [] }, { password: [] }],
  };
}

function parametersOf(query: z.ZodType | undefined): object[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(query) as { properties?: Record<string, object>; required?: string[] };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: required.includes(name), schema }));
}

function schemaOf(shape: z.ZodType): object {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>;
  return schema;
}
