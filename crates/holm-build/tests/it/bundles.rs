//! Projects that are as they should be.

use holm_site::MethodSet;

use crate::project::{Project, run};

/// Source path, methods and file of each route.
fn table(bundle: &holm_build::Bundle) -> Vec<String> {
    let routes = bundle.routes.iter();
    let words = |route: &holm_site::FunctionRoute| {
        format!("{} {} {}", route.handler, route.src, route.methods)
    };
    routes.map(words).collect()
}

#[test]
fn handlers_stand_in_the_order_of_the_table() {
    let project = Project::new(&[
        (
            "edge-functions/api/[id].js",
            "export const onRequestGet = async (c) => new Response('get ' + c.params.id);\n\
             export function onRequest() { return new Response('any'); }\n",
        ),
        (
            "edge-functions/api/list.ts",
            "type Context = { env: Record<string, string> };\n\
             export async function onRequestPost(context: Context): Promise<Response> {\n\
               return new Response(`list ${context.env.X satisfies string}`);\n}\n",
        ),
        (
            "edge-functions/index.js",
            "export default function onRequest() { return new Response('home'); }",
        ),
        (
            "edge-functions/again.js",
            "export { onRequestPost } from './api/list';\nexport * from './api/[id].js';",
        ),
        (
            "edge-functions/arrow.js",
            "const onRequest = () => new Response('arrow');\nexport default onRequest;",
        ),
        // Helpers: no route.
        (
            "edge-functions/helper.js",
            "export default function help() { return 1; }",
        ),
        (
            "edge-functions/cf.js",
            "export default { fetch() { return new Response('no'); } };",
        ),
        (
            "edge-functions/anonymous.js",
            "export default () => new Response('no');",
        ),
        (
            "edge-functions/words.js",
            "// onRequest is spoken of, and not there\nexport const a = 1;",
        ),
    ]);
    let Some(bundle) = project.good_bundle() else {
        return;
    };
    assert_eq!(
        table(&bundle),
        [
            "0 /api/list POST",
            "1 /again all methods",
            "2 /arrow all methods",
            "3 / all methods",
            "4 /api/[id] all methods",
        ]
    );
    assert_eq!(bundle.middleware, None);
    assert_eq!(bundle.style_sheet, None);
    let said = run(
        &bundle,
        "console.log(handlers.map((h) => typeof h === 'function' ? 'f' : Object.keys(h).join()).join(' '));\n\
         console.log(await call(handlers[0].POST, { env: { X: 'x' } }));\n\
         console.log(await call(handlers[1].POST, { env: { X: 'y' } }), await call(handlers[1].PUT));\n\
         console.log(await call(handlers[2]), await call(handlers[3]));\n\
         console.log(await call(handlers[4].GET, { params: { id: '7' } }), await call(handlers[4].HEAD));",
    );
    let all = "GET,POST,PATCH,PUT,DELETE,HEAD,OPTIONS";
    assert_eq!(
        said,
        format!("POST {all} f f {all}\nlist x\nlist y any\narrow home\nget 7 any\n")
    );
    assert!(
        String::from_utf8(bundle.source_map)
            .unwrap()
            .contains("\"edge-functions/api/list.ts\"")
    );
}

#[test]
fn packages_helpers_and_jsx_are_bundled() {
    let project = Project::new(&[
        (
            "functions/page.tsx",
            "import { h, render } from 'tiny-jsx';\nimport { title } from '../lib/title';\n\
             import data from './data.json';\n\
             /** @jsx h */\n\
             export function onRequest() { return new Response(render(<p id=\"x\">{title(data.name)}</p>)); }\n",
        ),
        ("functions/data.json", "{ \"name\": \"holm\" }"),
        (
            "lib/title.ts",
            "export const title = (name: string): string => name.toUpperCase();",
        ),
        (
            "node_modules/tiny-jsx/package.json",
            "{ \"name\": \"tiny-jsx\", \"main\": \"./node.js\", \"exports\": { \"worker\": \"./edge.js\", \"default\": \"./node.js\" } }",
        ),
        (
            "node_modules/tiny-jsx/node.js",
            "const fs = require('fs'); module.exports = {};",
        ),
        (
            "node_modules/tiny-jsx/edge.js",
            "exports.h = (tag, props, ...inner) => `<${tag} id=${props.id}>${inner}</${tag}>`;\n\
             exports.render = (text) => process.env.NODE_ENV + typeof Deno + text;",
        ),
    ]);
    let Some(bundle) = project.good_bundle() else {
        return;
    };
    assert_eq!(
        run(&bundle, "console.log(await call(handlers[0]));"),
        "productionundefined<p id=x>HOLM</p>\n"
    );
}

#[test]
fn style_sheets_are_collected() {
    let project = Project::new(&[
        (
            "functions/a.js",
            "import styles from './a.css';\nimport './b.css';\n\
             export const onRequest = () => new Response(JSON.stringify(styles));",
        ),
        ("functions/a.css", "p { color: red }"),
        ("functions/b.css", "q { color: blue }"),
    ]);
    let Some(bundle) = project.good_bundle() else {
        return;
    };
    let css = String::from_utf8(bundle.style_sheet.clone().expect("a style sheet")).unwrap();
    assert!(css.contains("p{") && css.contains("q{"), "{css}");
    assert_eq!(
        run(&bundle, "console.log(await call(handlers[0]));"),
        "{}\n"
    );
}

#[test]
fn commonjs_and_listeners_are_handlers() {
    let project = Project::new(&[
        (
            "functions/c.cjs",
            "exports.onRequestGet = () => new Response('c');",
        ),
        ("functions/helper.cjs", "module.exports = { a: 1 };"),
        (
            "functions/one.js",
            "addEventListener('fetch', (event) => event.respondWith(handle(event.request)));\n\
             async function handle(request) { return new Response('one ' + request.url); }",
        ),
        (
            "functions/two.ts",
            "const late: Promise<Response> = Promise.resolve(new Response('two'));\n\
             self.addEventListener('fetch', (event: any) => { event.respondWith(late); });",
        ),
        (
            "functions/three.js",
            "addEventListener('fetch', () => {}); addEventListener('other', () => {});",
        ),
    ]);
    let Some(bundle) = project.good_bundle() else {
        return;
    };
    assert_eq!(
        table(&bundle),
        [
            "0 /c GET",
            "1 /one all methods",
            "2 /three all methods",
            "3 /two all methods"
        ]
    );
    let said = run(
        &bundle,
        "console.log(await call(handlers[0].GET), await call(handlers[1]), await call(handlers[2]), await call(handlers[3]));",
    );
    assert_eq!(said, "c one http://site.test/ beneath two\n");
}

#[test]
fn the_middleware_is_the_last_handler_and_its_config_is_read() {
    let project = Project::new(&[
        (
            "functions/a.js",
            "export const onRequest = () => new Response('a');",
        ),
        (
            "src/middleware.ts",
            "import { guarded } from './paths';\nimport { decode } from 'jwt';\n\
             const secret: Uint8Array = new TextEncoder().encode('x' as string);\n\
             export async function middleware(context: any) { return new Response('m' + decode(secret)); }\n\
             export const config = { matcher: [...guarded, `/x/${'y'}`, { source: '/z' }], runtime: 'edge' as const };\n",
        ),
        (
            "src/paths.ts",
            "export const guarded: readonly string[] = ['/api/:path*', '/admin/:path*'] as const;",
        ),
        (
            "node_modules/jwt/package.json",
            "{ \"name\": \"jwt\", \"type\": \"module\" }",
        ),
        (
            "node_modules/jwt/index.js",
            "export const decode = (bytes) => bytes.length;",
        ),
    ]);
    let Some(bundle) = project.good_bundle() else {
        return;
    };
    let middleware = bundle.middleware.clone().expect("a middleware");
    assert_eq!(middleware.handler, 1);
    let sources: Vec<&str> = middleware.matchers.iter().map(|it| &*it.source).collect();
    assert_eq!(sources, ["/api/:path*", "/admin/:path*", "/x/y", "/z"]);
    assert_eq!(bundle.middleware_file.as_deref(), Some("src/middleware.ts"));
    assert_eq!(bundle.routes[0].methods, MethodSet::ALL);
    let built = bundle.built();
    assert_eq!(built.withheld, ["src/middleware.ts".into()]);
    let sealed = built.bundle.expect("it has code");
    assert_eq!(sealed.code, holm_types::BlobDigest::of(&bundle.code));
    assert_eq!(sealed.digests().count(), 2);
    let said = run(
        &bundle,
        "console.log(await call(handlers[1]), handlers.length, handlers[1] === middleware);",
    );
    assert_eq!(said, "m1 2 true\n");
}

#[test]
fn a_middleware_may_be_alone_and_called_otherwise() {
    for (file, text, export) in [
        (
            "middleware.js",
            "export const middleware = () => new Response('m');",
            "m",
        ),
        (
            "proxy.ts",
            "export function proxy(): Response { return new Response('p'); }",
            "p",
        ),
        (
            "middleware.ts",
            "export default () => new Response('d');",
            "d",
        ),
        // In one line, which EdgeOne's own tool does not understand.
        (
            "middleware.js",
            "export const config = { matcher: '/about' }; export const middleware = () => new Response('o');",
            "o",
        ),
    ] {
        let project = Project::new(&[(file, text)]);
        let Some(bundle) = project.good_bundle() else {
            return;
        };
        assert_eq!(bundle.routes, []);
        assert_eq!(bundle.middleware.as_ref().unwrap().handler, 0);
        assert_eq!(
            run(&bundle, "console.log(await call(handlers[0]));").trim(),
            export
        );
    }
    // A file of that name that is something else.
    let project = Project::new(&[("proxy.js", "console.log('a script of a page');")]);
    let Some(parsed) = project.bundle() else {
        return;
    };
    assert_eq!(parsed.value, None);
    assert_eq!(parsed.diagnostics, []);
}

#[test]
fn the_same_project_gives_the_same_bytes() {
    let files = [
        (
            "functions/a.js",
            "import x from '../lib/x'; export const onRequest = () => new Response(x);",
        ),
        ("functions/[b].js", "addEventListener('fetch', () => {});"),
        ("lib/x.js", "export default 'x';"),
    ];
    let Some(one) = Project::new(&files).good_bundle() else {
        return;
    };
    let two = Project::new(&files).good_bundle().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&one.source_map),
        String::from_utf8_lossy(&two.source_map)
    );
    assert_eq!(one, two);
}
