//! Operators and categories.

use super::{Call, atomic, exists, int, not_there, text};
use crate::practice::{
    agent::rows,
    engine::Engine,
    reply::Message,
    sql::procedures::{Answer, Arguments},
    sql::state::State,
};

/// `sp_add_operator`; pager hours and days are not kept.
pub fn add(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    const PARAMETERS: &[&str] = &[
        "@name",
        "@enabled",
        "@email_address",
        "@pager_address",
        "@weekday_pager_start_time",
        "@weekday_pager_end_time",
        "@saturday_pager_start_time",
        "@saturday_pager_end_time",
        "@sunday_pager_start_time",
        "@sunday_pager_end_time",
        "@pager_days",
        "@netsend_address",
        "@category_name",
    ];
    let call = Call::new("sp_add_operator", PARAMETERS, arguments)?;
    let name = call.needed("sp_add_operator", "@name")?;
    if rows::operator(engine, &name)?.is_some() {
        return Err(exists("@name", &name));
    }
    let mail = call.text("@email_address")?;
    let enabled = call.number_or("@enabled", 1)?;
    atomic(engine, state, |engine| {
        let id = rows::next_operator(engine)?;
        let mut values = vec![
            ("id", int(id)),
            ("name", text(&name)),
            ("enabled", int(enabled)),
        ];
        if let Some(mail) = &mail {
            values.push(("email_address", text(mail)));
        }
        rows::insert(engine, "sysoperators", &values)
    })?;
    Ok(Answer::default())
}

/// `sp_delete_operator`.
pub fn delete(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new(
        "sp_delete_operator",
        &["@name", "@reassign_to_operator"],
        arguments,
    )?;
    let name = call.needed("sp_delete_operator", "@name")?;
    let id = rows::operator(engine, &name)?.ok_or_else(|| not_there("@name", &name))?;
    atomic(engine, state, |engine| {
        rows::update(
            engine,
            "sysjobs",
            &[("notify_email_operator_id", int(id))],
            &[
                ("notify_email_operator_id", int(0)),
                ("notify_level_email", int(0)),
            ],
        )?;
        rows::delete(engine, "sysoperators", &[("id", int(id))])
    })?;
    Ok(Answer::default())
}

/// `sp_add_category @class, @type, @name`: for jobs alone.
pub fn add_category(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new("sp_add_category", &["@class", "@type", "@name"], arguments)?;
    let name = call.needed("sp_add_category", "@name")?;
    if rows::category(engine, &name)?.is_some() {
        return Err(exists("@name", &name));
    }
    atomic(engine, state, |engine| {
        rows::insert(
            engine,
            "syscategories",
            &[
                ("category_class", int(1)),
                ("category_type", int(1)),
                ("name", text(&name)),
            ],
        )
    })?;
    Ok(Answer::default())
}
