//! Paths with their methods and handlers, which know themselves: what the router serves can be listed.
//!
//! Owns the list of an API's calls. Refuses to know what any of them does.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{any, delete, get, patch, post, put};

use super::App;
use super::traffic::{Counted, RouteTraffic};

/// One call of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// How it is asked for; any method will do, if nothing.
    pub method: Option<Method>,
    /// Its path, with parameters in braces.
    pub path: String,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.method.as_ref().map_or("ANY", Method::as_str);
        write!(f, "{method} {}", self.path)
    }
}

/// The calls of an API. There is no other way to add one than those that also list it.
#[derive(Default)]
pub struct Routes {
    router: Router<App>,
    list: Vec<Route>,
    traffic: Vec<Arc<RouteTraffic>>,
}

macro_rules! by_method {
    ($($(#[$doc:meta])* $add:ident = $method:expr;)*) => {
        $($(#[$doc])*
        pub fn $add<H: Handler<T, App>, T: 'static>(self, path: &str, handler: H) -> Self {
            let method: Option<Method> = $method;
            let route = Arc::new(RouteTraffic::new(method.as_ref(), path));
            let handler = Counted { handler, route: Arc::clone(&route) };
            let router = self.router.route(path, $add(handler));
            Self { router, ..self }.listing(method, path, route)
        })*
    };
}

impl Routes {
    by_method! {
        /// Adds a GET, which answers HEAD, too.
        get = Some(Method::GET);
        /// Adds a POST.
        post = Some(Method::POST);
        /// Adds a PUT.
        put = Some(Method::PUT);
        /// Adds a PATCH.
        patch = Some(Method::PATCH);
        /// Adds a DELETE.
        delete = Some(Method::DELETE);
        /// Adds a path that takes every method.
        any = None;
    }

    fn listing(mut self, method: Option<Method>, path: &str, traffic: Arc<RouteTraffic>) -> Self {
        let path = path.to_owned();
        self.list.push(Route { method, path });
        self.traffic.push(traffic);
        self
    }

    /// These calls and the others.
    pub fn merge(mut self, others: Self) -> Self {
        self.list.extend(others.list);
        self.traffic.extend(others.traffic);
        Self {
            router: self.router.merge(others.router),
            list: self.list,
            traffic: self.traffic,
        }
    }

    /// What will be counted of each call.
    pub fn traffic(&self) -> impl Iterator<Item = Arc<RouteTraffic>> {
        self.traffic.iter().map(Arc::clone)
    }

    /// Every call, in the order in which they were added.
    pub fn into_list(self) -> Vec<Route> {
        self.list
    }

    /// What serves them.
    pub fn into_router(self) -> Router<App> {
        self.router
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_is_listed() {
        let nothing = async || {};
        let routes = Routes::default()
            .get("/a/{b}", nothing)
            .delete("/a/{b}", nothing)
            .merge(Routes::default().any("/c", nothing));
        let list: Vec<_> = routes.into_list().iter().map(Route::to_string).collect();
        assert_eq!(list, ["GET /a/{b}", "DELETE /a/{b}", "ANY /c"]);
    }
}
