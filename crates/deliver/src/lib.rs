//! Delivery: commits through the user's own git, pull and merge requests on forges, and what a pipeline step knows of its
//! surroundings.
//!
//! Only fixes with the verdict `fixed` come here, each with its evidence ([`compose::units`]). Git runs without a shell and with a
//! temporary work tree ([`repo`]); a token is in no argument, no file and no message ([`secret`]); nothing but the configured
//! forge is contacted ([`http`]).

pub mod codeowners;
pub mod commit;
pub mod compose;
pub mod describe;
pub mod forge;
pub mod git;
pub mod history;
pub mod http;
pub mod message;
pub mod novelty;
pub mod place;
pub mod platform;
pub mod push;
pub mod range;
pub mod repo;
pub mod requests;
pub mod secret;
pub mod suggest;
